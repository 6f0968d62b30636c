import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Memory of buffers that are in use in this process, in bytes: what is garbage has been collected. */
export function bufferBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) collect(); // buffers go a round after what holds them
  return process.memoryUsage().arrayBuffers;
}
