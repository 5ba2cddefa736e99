// Everything that somebody who tries Keyhold needs, in one process: local-kms, PostgreSQL, the server, a demo tenant
// and its tokens. Ready when /readyz answers 200; by then dev.env is written.
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import path from 'node:path'
import { destination } from 'pino'
import { startServer, type Server } from '../main.ts'
import { makeFolder } from '../settings/make-folder.ts'
import type { DevSettings } from '../settings/read-dev-settings.ts'
import type { Settings } from '../settings/read-settings.ts'
import { createLogger } from '../wiring/create-logger.ts'
import {
  customerAccount,
  keyholdAccount,
  localKmsSecret,
  primaryRegion,
  provideDemoKeys,
} from './demo-keys.ts'
import { provideDemoTenant } from './demo-tenant.ts'
import { readDevEnv, writeDevEnv, type DevEnv } from './dev-env.ts'
import { greeting } from './greeting.ts'

/**
 * Starts everything and answers the server, whose stop ends all of it.
 *
 * @param say - receives what a person should read
 * @throws KeyholdError with one of the codes of starting
 */
export async function startEverything(
  { settings: configured, hasOwnKms, ownKeys }: DevSettings,
  say: (text: string) => void,
): Promise<Server> {
  await makeFolder(configured.dataDir, 'KEYHOLD_DATA_DIR')
  const localKms = hasOwnKms ? undefined : await openLocalKms(configured)
  // Given explicitly: a shell that has sourced dev.env holds the customer's credentials, not the server's.
  const settings: Settings =
    localKms === undefined
      ? configured
      : {
          ...configured,
          kmsEndpoint: localKms.url,
          kmsAccessKeyId: keyholdAccount,
          kmsSecretAccessKey: localKmsSecret,
        }
  const devEnvFile = path.resolve(settings.dataDir, 'dev.env')
  const logFile = path.resolve(settings.dataDir, 'server.log')
  const log = destination({ dest: logFile, mkdir: true, sync: false })
  const logger = createLogger(settings.logLevel, log)
  try {
    const server = await startServer(settings, logger, async ({ url, createOperatorKey }) => {
      const known = await readDevEnv(devEnvFile)
      const tenant = await provideDemoTenant(url, known, () => createOperatorKey('demo operator'))
      await writeDevEnv(devEnvFile, {
        KEYHOLD_URL: url,
        KEYHOLD_TOKEN: tenant.adminToken,
        KEYHOLD_SERVICE_TOKEN: tenant.serviceToken,
        KEYHOLD_OPERATOR_TOKEN: tenant.operatorToken,
        KEYHOLD_TENANT_ID: tenant.tenantId,
        ...(localKms === undefined ? ownKeys : await demoCustomer(localKms, tenant.tenantId)),
      })
    })
    // As the admin of the demo tenant: the console is about one tenant.
    const { KEYHOLD_TOKEN: adminToken = '' } = await readDevEnv(devEnvFile)
    const signInLink = await server.createSignInLink(adminToken)
    say(greeting({ url: server.url, signInLink, devEnvFile, logFile, localKmsUrl: localKms?.url }))
    return {
      ...server,
      // Nothing sends requests to it that should go elsewhere.
      drainMs: 0,
      drain() {
        say('Stopping …\n')
      },
      async stop() {
        await server.stop()
        await localKms?.close()
        log.flushSync()
      },
    }
  } catch (error) {
    await localKms?.close()
    throw error
  }
}

// On the port of the last start if it is still free, so that a shell which has sourced dev.env goes on working.
async function openLocalKms(settings: Settings): Promise<LocalKms> {
  const dataDir = path.join(settings.dataDir, 'local-kms')
  const { AWS_ENDPOINT_URL_KMS: lastUrl } = await readDevEnv(path.resolve(settings.dataDir, 'dev.env'))
  const lastPort = lastUrl === undefined ? 0 : Number(new URL(lastUrl).port)
  try {
    return await startLocalKms({ dataDir, port: lastPort })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    return startLocalKms({ dataDir })
  }
}

async function demoCustomer(localKms: LocalKms, tenantId: string): Promise<DevEnv> {
  const [first, second] = await provideDemoKeys(localKms.url, tenantId)
  return {
    KMS_KEY_ARN: first,
    KMS_KEY_ARN_2: second,
    AWS_ENDPOINT_URL_KMS: localKms.url,
    AWS_REGION: primaryRegion,
    AWS_ACCESS_KEY_ID: customerAccount,
    AWS_SECRET_ACCESS_KEY: localKmsSecret,
  }
}
