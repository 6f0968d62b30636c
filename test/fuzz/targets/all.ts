import type { Target } from '../target';
import { CNI } from './cni';
import { CONVERSATION } from './conversation';
import { HOST } from './host';
import { IMAGES } from './images';
import { OCI } from './oci';
import { PROTOBUF } from './protobuf';
import { RECORDS } from './records';
import { STREAMING } from './streaming';

/** Every parser that reads what a guest, a registry, a plugin, the kernel or another program has written. */
export const TARGETS: readonly Target[] = [
  ...STREAMING,
  ...CONVERSATION,
  ...IMAGES,
  ...CNI,
  ...OCI,
  ...RECORDS,
  ...HOST,
  ...PROTOBUF,
];
