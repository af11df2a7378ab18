// One server of the API: node server.js PORT [FILE]. All of them share the database in FILE.
'use strict';

const http = require('node:http');
const path = require('node:path');
const { Database } = require('./db.js');

const port = Number(process.argv[2] || 8000);
const db = new Database(process.argv[3] || path.join(__dirname, 'data.jsonl'));
let served = 0;

// What each path answers; the first that fits is taken.
const routes = [
  ['GET', /^\/notes$/, () => [200, { notes: db.all('note') }]],
  ['POST', /^\/notes$/, async (_, body) => [201, { note: await db.add('note', { text: String(body.text || '') }) }]],
  ['GET', /^\/admin/, () => [200, { notes: db.all('note').length, users: db.all('user').length, served, uptime: process.uptime() }]],
  ['GET', /^\/user\/([^/]+)$/, (m) => find(m[1])],
  ['PUT', /^\/user\/([^/]+)$/, async (m, body) => [201, { user: await db.add('user', { name: m[1], mail: String(body.mail || '') }) }]],
  ['GET', /^\/user\/?$/, () => [200, { users: db.all('user') }]],
];

function find(name) {
  const user = db.all('user').findLast((u) => u.name === name);
  return user ? [200, { user }] : [404, { error: `no user ${name}` }];
}

async function answer(req) {
  const url = new URL(req.url, 'http://api.example.dev');
  for (const [method, pattern, handle] of routes) {
    const m = pattern.exec(decodeURIComponent(url.pathname));
    if (m && req.method === method) return handle(m, await readJSON(req));
  }
  return [404, { error: `nothing at ${req.method} ${url.pathname}` }];
}

async function readJSON(req) {
  let text = '';
  for await (const part of req) text += part;
  return text ? JSON.parse(text) : {};
}

const server = http.createServer(async (req, res) => {
  served++;
  let status, body;
  try {
    [status, body] = await answer(req);
  } catch (err) {
    [status, body] = [err instanceof SyntaxError || err instanceof URIError ? 400 : 500, { error: err.message }];
  }
  const text = JSON.stringify({ ...body, server: port, client: req.headers['x-real-ip'] }) + '\n';
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) });
  res.end(text);
});

server.listen(port, '127.0.0.1', () => console.log(`listening on 127.0.0.1:${port}`));
