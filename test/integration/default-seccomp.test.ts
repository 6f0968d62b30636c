import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';

import { SecurityProfile_ProfileType } from '../../generated/cri/v1/api';
import { compiled } from '../support/daemon/images/trees';
import { startNode, type TestNode } from '../support/node/node';
import { exec, nothingLeft, removePod, runContainer, runPod, shell } from '../support/node/pods';

const SECOND = 1000;
/** Families that any kernel has, and some that a kernel may have: those the profile names. */
const ALLOWED = [1, 2, 10, 16, 41, 42, 43, 44, 45];
/** AF_ALG, AF_VSOCK, and what no kernel has yet. */
const REFUSED = [38, 40, 46, 100];

let node: TestNode;
afterEach(() => node.stop(), 60 * SECOND);

describe('A container with the default seccomp profile', () => {
  it(
    'gets sockets of the families in the list, and of no other, also one that its kernel does not know',
    async () => {
      node = await startNode();
      const tools = join(node.dir, 'tools');
      mkdirSync(tools);
      writeFileSync(join(tools, 'sockets'), compiled('sockets'));
      chmodSync(join(tools, 'sockets'), 0o755);
      const pod = await runPod(node);
      const seccomp = { profileType: SecurityProfile_ProfileType.RuntimeDefault };
      const id = await runContainer(
        node,
        pod,
        shell('main', 'sleep 1000', {
          mounts: [{ containerPath: '/tools', hostPath: tools, readonly: true }],
          linux: { securityContext: { seccomp } },
        }),
      );
      const { stdout } = await exec(node, id, '/tools/sockets', ...[...ALLOWED, ...REFUSED].map(String));
      const errnos = new Map(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(' ').map(Number) as [number, number]),
      );
      expect(errnos.size).toBe(ALLOWED.length + REFUSED.length);
      const { EPERM } = constants.errno;
      expect(ALLOWED.filter((family) => errnos.get(family) === EPERM)).toEqual([]);
      expect(REFUSED.filter((family) => errnos.get(family) !== EPERM)).toEqual([]);
      await removePod(node, pod);
      await nothingLeft(node);
    },
    60 * SECOND,
  );
});
