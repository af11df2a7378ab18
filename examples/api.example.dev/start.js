// Starts all four servers and ends them together: node start.js
'use strict';

const { spawn } = require('node:child_process');
const path = require('node:path');

const children = [8000, 8001, 8002, 8003].map((port) => spawn(process.execPath, [path.join(__dirname, 'server.js'), String(port)], { stdio: 'inherit' }));

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => children.forEach((c) => c.kill()));
}
