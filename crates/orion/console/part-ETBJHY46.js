import{d as o}from"./part-AOS7VOXT.js";function a(){return o("p",{class:"pad",children:"Soon."})}export{a as ChartPage};
