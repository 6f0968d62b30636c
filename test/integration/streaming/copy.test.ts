import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

import { type Crictl, describeWithCrictl, TRANSPORTS, useCrictl } from '../../support/node/crictl';
import type { TestNode } from '../../support/node/node';
import { exec, type Pod, runContainer, runPod, shell } from '../../support/node/pods';

const _MINUTE = 60_000;
const WHEN = new Date('2024-02-29T12:34:56Z');

let node: TestNode;
let crictl: Crictl;
let pod: Pod;
let id: string;

/** A tree with what copying goes wrong with: names, modes, links, holes, sizes around a block, and nothing at all. */
function makeTree(root: string): void {
  const files: [string, Buffer | string, number][] = [
    ['plain', 'text\n', 0o644],
    ['with space and "quotes"', 'x', 0o600],
    ['-leading-dash', 'x', 0o644],
    ['.hidden', 'x', 0o400],
    ['grün-日本語-😀', 'x', 0o644],
    ['line\nbreak', 'x', 0o644],
    [`${'long'.repeat(50)}`, 'x', 0o644],
    ['empty', '', 0o644],
    ['block', randomBytes(512), 0o644],
    ['block-and-one', randomBytes(513), 0o644],
    ['large', randomBytes(5 << 20), 0o644],
    ['program', '#!/bin/sh\n', 0o755],
    ['set-uid', 'x', 0o4755],
    ['deep/er/still/file', 'x', 0o640],
  ];
  mkdirSync(join(root, 'deep/er/still'), { recursive: true });
  mkdirSync(join(root, 'empty-folder'), { mode: 0o700 });
  mkdirSync(join(root, 'sticky'));
  chmodSync(join(root, 'sticky'), 0o1777);
  for (const [name, content, mode] of files) {
    writeFileSync(join(root, name), content);
    chmodSync(join(root, name), mode);
  }
  writeFileSync(join(root, 'hole'), 'start');
  truncateSync(join(root, 'hole'), 3 << 20);
  symlinkSync('plain', join(root, 'to-file'));
  symlinkSync('../nowhere/at all', join(root, 'to-nothing'));
  symlinkSync('/etc', join(root, 'to-outside'));
  symlinkSync('deep/er', join(root, 'to-folder'));
  linkSync(join(root, 'plain'), join(root, 'same-as-plain'));
  for (const [name] of files) utimesSync(join(root, name), WHEN, WHEN);
}

/** Every entry of a tree with all that a copy keeps. */
function describeTree(root: string, below = ''): string[] {
  return readdirSync(join(root, below))
    .sort()
    .flatMap((name) => {
      const path = join(below, name);
      const stats = lstatSync(join(root, path));
      const { mode, uid, gid } = stats;
      const what = [JSON.stringify(path), (mode & 0o170000).toString(8), uid, gid];
      if (stats.isSymbolicLink()) return [[...what, readlinkSync(join(root, path))].join(' ')];
      const self = [...what, (mode & 0o7777).toString(8)];
      if (stats.isDirectory()) return [self.join(' '), ...describeTree(root, path)];
      const digest = sha256Of(join(root, path));
      return [[...self, stats.size, Math.floor(stats.mtimeMs / 1000) * 1000, digest].join(' ')];
    });
}

function sha256Of(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

describeWithCrictl('A tree that is copied with tar through crictl exec', () => {
  useCrictl(async (started) => {
    ({ node, crictl } = started);
    pod = await runPod(node);
    id = await runContainer(node, pod, shell('main', 'sleep 1000'));
  });

  it.each(TRANSPORTS)('is the same there, and the same again when it is copied back, over %s', async (transport) => {
    const [from, to, there] = [join(node.dir, `from-${transport}`), join(node.dir, `to-${transport}`), `/${transport}`];
    mkdirSync(from);
    mkdirSync(to);
    makeTree(from);
    const packed = execFileSync('tar', ['-C', from, '-cf', '-', '.'], { maxBuffer: 64 << 20 });
    await exec(node, id, 'mkdir', there);

    const into = await crictl.run(
      ['exec', '--transport', transport, '-i', id, 'tar', '-C', there, '-xpf', '-'],
      packed,
    );
    expect([into.code, into.stderr]).toEqual([0, '']);
    const sums = await exec(
      node,
      id,
      'sh',
      '-c',
      `cd ${there} && sha256sum large hole block-and-one && stat -c %a set-uid`,
    );
    expect(sums.stdout).toBe(
      `${['large', 'hole', 'block-and-one'].map((name) => `${sha256Of(join(from, name))}  ${name}\n`).join('')}4755\n`,
    );

    const back = await crictl.run(['exec', '--transport', transport, id, 'tar', '-C', there, '-cf', '-', '.']);
    expect([back.code, back.stderr]).toEqual([0, '']);
    execFileSync('tar', ['-C', to, '-xpf', '-'], { input: back.stdout });
    expect(describeTree(to)).toEqual(describeTree(from));
    expect(lstatSync(join(to, 'plain')).ino).toBe(lstatSync(join(to, 'same-as-plain')).ino);
  });
});
