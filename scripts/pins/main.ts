import { movePin } from './move';
import { pinNamed, readPins } from './pins';
import { showPins } from './show';
import { run } from './sources';

/**
 * `make pins`, no arguments: shows all pins and what is newer. `make pin`, `move NAME [VERSION]`: moves one pin and its lock;
 * without a version, its lock to where the pin is.
 */
export async function main([command, name, version]: readonly string[]): Promise<void> {
  const root = process.cwd();
  if (command !== 'move') {
    console.log(await showPins(root, run));
    return;
  }
  if (!name) throw new Error('which pin? make pin NAME=runc TO=v1.5.4');
  movePin(root, name, version || pinNamed(readPins(root), name).version);
}
