// ORION under PM2: `pm2 start ecosystem.config.cjs`, `pm2 save`, and once `pm2 startup`.
//
// PM2 watches one process and stops it before it starts another. Here that process holds the listening socket and starts the server
// (`serve --hold`): where the server crashes, who connects waits. `pm2 restart orion` ends both, and refuses whoever connects until
// the next one listens; take a new version or new settings with `orion reload --data DIR` instead, which refuses nobody.

const path = require("node:path");

const program = process.env.ORION_PROGRAM || "/usr/local/bin/orion";
const data = process.env.ORION_DATA || path.join(process.env.HOME || "/var/lib", "orion-data");
const options = process.env.ORION_OPTIONS || "";

module.exports = {
  apps: [
    {
      name: "orion",
      script: program,
      args: `serve --hold --data ${data} ${options}`.trim(),
      // A program, not a script of Node's, and one of it: cluster mode is Node's own, and the data folder is one server's.
      interpreter: "none",
      exec_mode: "fork",
      instances: 1,
      autorestart: true,
      // The drain closes every client with 1012 and takes up to gateway.drain_max_s (30 s). PM2 would kill after 1.6 s.
      kill_timeout: 60000,
      // PM2 sends SIGINT, which is as good as SIGTERM here. Only to the process that holds, which passes it on: the server
      // would take the second one for "at once".
      treekill: false,
      // A server that cannot start is tried again after 0.1 s, then later and later, up to 15 s.
      exp_backoff_restart_delay: 100,
      min_uptime: 10000,
      max_restarts: 1000,
    },
  ],
};
