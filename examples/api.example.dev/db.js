// A database for several processes on one machine, in one file: every record is a line of JSON, and lines are only ever added.
//
// A writer takes the lock (a directory: making one is atomic everywhere), reads what others have added, appends its line in one write,
// and lets go. A reader needs no lock: it remembers how far it has read and takes the whole lines after that.
'use strict';

const fs = require('node:fs');
const { setTimeout: delay } = require('node:timers/promises');

const STALE = 5000; // ms; a lock that old was left by a process that died

class Database {
  constructor(path) {
    this.path = path;
    this.lockPath = path + '.lock';
    this.offset = 0;
    this.rest = Buffer.alloc(0); // the beginning of a line whose end is not there yet
    this.records = [];
    fs.closeSync(fs.openSync(path, 'a'));
  }

  // all returns every record of a kind, the oldest first.
  all(kind) {
    this.catchUp();
    return this.records.filter((r) => r.kind === kind);
  }

  // add stores a record and returns it with its number, which no other record has.
  async add(kind, fields) {
    await this.lock();
    try {
      this.catchUp();
      const record = { id: this.records.length + 1, kind, ...fields, at: new Date().toISOString() };
      fs.appendFileSync(this.path, JSON.stringify(record) + '\n');
      this.catchUp();
      return record;
    } finally {
      fs.rmdirSync(this.lockPath);
    }
  }

  catchUp() {
    const file = fs.openSync(this.path, 'r');
    try {
      const size = fs.fstatSync(file).size;
      if (size === this.offset) return;
      const more = Buffer.alloc(size - this.offset);
      this.offset += fs.readSync(file, more, 0, more.length, this.offset);
      const text = Buffer.concat([this.rest, more]);
      const end = text.lastIndexOf(10) + 1;
      this.rest = text.subarray(end);
      for (const line of text.toString('utf8', 0, end).split('\n')) {
        if (line) this.records.push(JSON.parse(line));
      }
    } finally {
      fs.closeSync(file);
    }
  }

  async lock() {
    for (;;) {
      try {
        fs.mkdirSync(this.lockPath);
        return;
      } catch (err) {
        if (err.code !== 'EEXIST') throw err;
      }
      this.breakStale();
      await delay(2 + Math.random() * 5);
    }
  }

  breakStale() {
    try {
      if (Date.now() - fs.statSync(this.lockPath).mtimeMs > STALE) fs.rmdirSync(this.lockPath);
    } catch (err) {
      if (err.code !== 'ENOENT') throw err; // it is gone already: somebody was faster
    }
  }
}

module.exports = { Database };
