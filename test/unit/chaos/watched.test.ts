import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { Watched } from '../../chaos/watched';

let dir: string;
let watched: Watched;
const children: ChildProcess[] = [];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'watched-'));
  watched = new Watched({ state: dir, recordDirs: [join(dir, 'sandboxes')], netnsFiles: () => ['/proc/self/ns/net'] });
  mkdirSync(join(dir, 'sandboxes/pod'), { recursive: true });
  writeFileSync(join(dir, 'sandboxes/pod/hosts'), '127.0.0.1 localhost\n');
});
afterEach(async () => {
  for (const child of children.splice(0)) await end(child);
  rmSync(dir, { recursive: true });
});

/** A process that stands for that of a task, noted where a shim notes it. */
function task(id: string): ChildProcess {
  const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
  children.push(child);
  const bundle = join(dir, 'io.containerd.runtime.v2.task/k8s.io', id);
  mkdirSync(bundle, { recursive: true });
  writeFileSync(join(bundle, 'init.pid'), String(child.pid));
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const endFile = (): string => join(dir, 'end');
const add = (id = 'app'): boolean => watched.add('pod', id, endFile());

describe('What is watched of running pods', () => {
  it('is right while nothing is wrong', () => {
    const { pid } = task('app');
    expect(add()).toBe(true);
    expect(watched.running()).toEqual([expect.objectContaining({ id: 'app', podId: 'pod', pid })]);
    expect(watched.harmed()).toEqual([]);
  });

  it('is harmed when a container is killed, and is told once', async () => {
    const app = task('app');
    add();
    await end(app);
    expect(watched.harmed()).toEqual([`pod pod: container app (pid ${app.pid}) was killed`]);
    expect(watched.harmed()).toEqual([]);
  });

  it('is not harmed when a container ends by itself', async () => {
    const app = task('app');
    add();
    writeFileSync(endFile(), '1234.5\n');
    await end(app);
    expect(watched.harmed()).toEqual([]);
    expect(watched.running()).toEqual([]);
  });

  it('is harmed when the pause process is killed', async () => {
    const [pause] = [task('pod'), task('app')];
    add();
    await end(pause);
    expect(watched.harmed()).toEqual([`pod pod: its pause process (pid ${pause.pid}) was killed`]);
  });

  it.each(['removed', 'replaced'])('is harmed when a file that its containers have mounted is %s', (how) => {
    task('app');
    add();
    const path = join(dir, 'sandboxes/pod/hosts');
    writeFileSync(`${path}.new`, '127.0.0.1 localhost\n');
    if (how === 'replaced') renameSync(`${path}.new`, path);
    else rmSync(path);
    expect(watched.harmed()).toEqual([`pod pod: ${path} is gone`]);
  });

  it('is not harmed by the end of what its life stops, nor by a reboot', async () => {
    const app = task('app');
    add();
    watched.forget('pod');
    const other = task('other');
    add('other');
    await watched.without(async () => {
      for (const each of [app, other]) await end(each);
      task('late');
      expect(add('late')).toBe(false);
    });
    expect(watched.harmed()).toEqual([]);
  });

  it('is nothing of a container that has ended before', async () => {
    await end(task('app'));
    expect(add()).toBe(false);
    expect(add('never started')).toBe(false);
  });
});
