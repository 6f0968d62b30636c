import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { StdinFifo } from '../../../src/stdio/stdin-fifo';
import { Fixture, turn } from './fixture';

let fixture: Fixture;
let path: string;
let stdin: StdinFifo;
beforeEach(() => {
  fixture = new Fixture();
  path = fixture.fifo('in');
  stdin = new StdinFifo(path);
});
afterEach(async () => {
  stdin.close();
  await turn();
  expect(fixture.openPaths()).toEqual([]);
  fixture.remove();
});

describe('The writing end of stdin', () => {
  it('waits until somebody reads it, and fails once it is closed', async () => {
    const write = stdin.write(Buffer.from('early'));
    await turn();
    const shim = fixture.reader(path);
    await write;
    shim.close();
    stdin.close();
    await expect(stdin.write(Buffer.from('late'))).rejects.toMatchObject({ code: 'NO_STDIN' });
  });

  it('tells when somebody reads it, also one who waits for a writer', async () => {
    let told = false;
    const telling = stdin.hasReader().then(() => {
      told = true;
    });
    await turn();
    expect(told).toBe(false);
    // As a shim's thread: it waits in open(2) until there is a writer, and reads until there is none.
    const shim = spawn('cat', [path], { stdio: 'ignore' });
    await telling;
    stdin.close();
    expect(await once(shim, 'exit')).toEqual([0, null]);
  });

  it('no longer waits for a reader once it is closed', async () => {
    const telling = stdin.hasReader();
    await turn();
    stdin.close();
    await telling;
  });

  it('gives up waiting for a reader when it is closed', async () => {
    const write = stdin.write(Buffer.from('early'));
    await turn();
    stdin.close();
    await expect(write).rejects.toMatchObject({ code: 'NO_STDIN' });
  });

  it('survives a reader that goes away', async () => {
    const shim = fixture.reader(path);
    await stdin.write(Buffer.from('one'));
    shim.close();
    await expect(stdin.write(Buffer.from('two'))).rejects.toMatchObject({ code: 'NO_STDIN' });
    await turn();
    const again = fixture.reader(path);
    await stdin.write(Buffer.from('three'));
    again.close();
  });
});
