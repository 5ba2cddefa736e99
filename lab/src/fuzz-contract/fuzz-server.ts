// A server for the fuzzer: TLS with certificates of clients and a revocation list, and an issuer of JWTs.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Logger } from 'pino'
import { startTlsScene } from '../../../testkit/src/server/tls-scene.ts'
import type { TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { issuersFile, makeIssuedScene, type IssuedScene } from './issued-callers.ts'

export interface FuzzServer extends IssuedScene {
  server: TestServer
  end(): Promise<void>
}

/** @param scenes - how many sets of tenants the file of issuers names */
export async function startFuzzServer(logger: Logger, scenes: number): Promise<FuzzServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-fuzz-'))
  const issued = await makeIssuedScene()
  const [jwksFile, file] = [path.join(folder, 'jwks'), path.join(folder, 'issuers')]
  await writeFile(jwksFile, issued.issuer.jwks)
  await writeFile(file, JSON.stringify(issuersFile(jwksFile, scenes)))
  const scene = await startTlsScene(
    issued.authority.certificate,
    { KEYHOLD_METRICS_PORT: '0', KEYHOLD_ISSUERS_FILE: file, KEYHOLD_ISSUER_URL: 'https://id.example.com' },
    { logger, timings: { tooManyPauseMs: 0 } },
    issued.authority.revoke([issued.revoked.serial]),
  )
  return {
    ...{ ...issued, server: scene.server },
    async end() {
      await scene.end()
      await rm(folder, { recursive: true })
    },
  }
}
