import { StdinFifo } from '../../../src/io/stdin-fifo';
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
