import{d as n}from"./part-AOS7VOXT.js";function o(){return n("p",{class:"pad",children:"Soon."})}export{o as SignalPage};
