// Loaded into a daemon before its own code (`node --require`): on SIGUSR2 it writes what keeps it alive, and its memory,
// as JSON to the file that CRISP_HANDLES_FILE names.
const { renameSync, writeFileSync } = require('node:fs');
const { setFlagsFromString } = require('node:v8');
const { runInNewContext } = require('node:vm');

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');

process.on('SIGUSR2', () => {
  for (let i = 0; i < 3; i++) collect();
  const resources = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const file = process.env.CRISP_HANDLES_FILE;
  writeFileSync(`${file}.new`, JSON.stringify({ resources, memory: process.memoryUsage() }));
  renameSync(`${file}.new`, file);
});
