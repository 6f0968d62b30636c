/** Whether every pod has a pause task, or only one that needs it: crisp's setting `infra_container`. */
export type Infra = 'always' | 'auto';

/** What INFRA asks for; undefined when it is not set. Throws on another word. */
export function infraAsked({ INFRA }: NodeJS.ProcessEnv = process.env): Infra | undefined {
  if (!INFRA) return undefined;
  if (INFRA !== 'always' && INFRA !== 'auto') throw new Error(`INFRA is always or auto, not ${INFRA}`);
  return INFRA;
}

/** The top level of crisp's configuration that makes pods so. */
export function infraSettings(infra: Infra): { readonly containerd: object } {
  return { containerd: { runtimes: { runc: { infra_container: infra } } } };
}
