// A dashboard that was written for Socket.IO: `socketio.mjs URL TRANSPORT [TOKEN]`. What it sees is printed, a line of JSON each.
import { io } from "socket.io-client";

const [url, transport, token] = process.argv.slice(2);
const say = (event, told) => console.log(JSON.stringify({ event, told }));

const socket = io(url, { transports: [transport], auth: token ? { token } : {} });
socket.on("connect", () => {
  say("connect", null);
  socket.emit("subscribe", { channels: ["signals", "prices"] });
});
socket.on("disconnect", (reason) => say("disconnect", reason));
socket.on("connect_error", (error) => say("connect_error", error.message));
socket.onAny((event, ...told) => say(event, told));
