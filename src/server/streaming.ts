import { readFile } from 'node:fs/promises';
import type { Config } from '../config/schema';
import { streamingRuntime } from '../cri/container/streaming-runtime';
import type { CriDeps } from '../cri/deps';
import { openFilesLimit } from '../host/process/open-files';
import { StreamingServer } from '../streaming/server';

/** The server behind Exec, Attach and PortForward, not listening yet. Rejects when a certificate file cannot be read. */
export async function buildStreaming(config: Config, deps: Omit<CriDeps, 'streaming'>): Promise<StreamingServer> {
  const { address, port, enable_tls: tls, tls_cert_file: certFile, tls_key_file: keyFile } = config.streaming;
  const given = tls && certFile !== '' && keyFile !== '';
  return new StreamingServer({
    address,
    port,
    tls,
    certificate: given ? { cert: await readFile(certFile, 'utf8'), key: await readFile(keyFile, 'utf8') } : undefined,
    idleTimeoutMs: config.streaming.idle_timeout,
    creationTimeoutMs: config.streaming.creation_timeout,
    openFiles: await openFilesLimit(),
    runtime: streamingRuntime(deps),
    log: deps.log,
    metrics: deps.metrics,
  });
}
