/**
 * Labels and field paths of an update that touches only these labels. containerd removes a label that is set to the
 * empty text, so that is what null becomes.
 */
export function labelChange(labels: Readonly<Record<string, string | null>>): {
  labels: Record<string, string>;
  paths: string[];
} {
  const entries = Object.entries(labels);
  return {
    labels: Object.fromEntries(entries.map(([key, value]) => [key, value ?? ''])),
    paths: entries.map(([key]) => `labels.${key}`),
  };
}
