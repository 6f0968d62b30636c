/** `1.6` is the distribution's package with its runc and CNI plugins; `test/tools` builds the others, `2` is the newest. */
export type ContainerdVersion = '1.6' | '1.7' | '2.3' | '2';

/** Whether it is a containerd 1.x: its CRI is one plugin, and crisp keeps no sandbox records in it. */
export function isFirst(version: ContainerdVersion): boolean {
  return version.startsWith('1.');
}

/** The newest version of CNI's configuration that its own CRI reads. */
export function cniVersionOf(version: ContainerdVersion): string {
  return isFirst(version) ? '1.0.0' : '1.1.0';
}

/** What `test/tools` builds of a containerd that is not the distribution's, and what is run with it. */
export function toolsOf(version: Exclude<ContainerdVersion, '1.6'>) {
  const daemon = version === '2' ? 'containerd' : (`containerd-${version}` as const);
  return { daemon, others: ['runc', 'cni-plugins'] } as const;
}
