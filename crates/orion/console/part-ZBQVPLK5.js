import{d as o}from"./part-AOS7VOXT.js";function n(){return o("p",{class:"pad",children:"Soon."})}export{n as Operations};
