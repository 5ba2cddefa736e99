// A Keyhold with very many tenants, seeded while it was stopped.
import { startKeyholdProcess, type KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { createKeyWith } from '../../../testkit/src/customer/create-customer-key.ts'
import { openCustomerKms } from '../../../testkit/src/customer/customer-kms.ts'
import { customerKeyPolicy } from '../../../testkit/src/customer/key-policy.ts'
import { seedManyTenants, type SeededTenants } from '../../../testkit/src/many-tenants/seed-many-tenants.ts'
import { keksOf } from '../../../testkit/src/many-tenants/seeded-customers.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'

/** How large an installation is. */
export interface ScaleSize {
  tenants: number
  cipherkeys: number
  /** How many of them one tenant has. */
  ofBigTenant: number
}

export interface Scene extends SeededTenants {
  keyhold: KeyholdProcess
  /** The time from the start of the server, with its PostgreSQL, to its readiness. */
  startMs: number
}

export interface OpenSceneOptions {
  size: ScaleSize
  samples: number
  metricsPort: number
  /** Receives what the server's process sends over its channel. */
  onMessage: (message: unknown) => void
  nodeArguments: string[]
  say: (line: string) => void
}

const daySeconds = 86_400

export async function openScene(options: OpenSceneOptions): Promise<Scene> {
  const { size, samples, metricsPort, onMessage, nodeArguments, say } = options
  // Names nobody else's keys: the same seed makes the same customers.
  const seed = `scale/${size.tenants}`
  const keyhold = await startKeyholdProcess({
    kms: { keys: keksOf(seed, size.tenants) },
    settings: {
      KEYHOLD_METRICS_PORT: String(metricsPort),
      // Of so many quiet keys probes would take all of a small machine. They are bounded by settings, and not measured here.
      KEYHOLD_KEY_PROBE_SECONDS: String(daySeconds),
      // Writers are busy all the time: a migration that gives way to them says more about them.
      KEYHOLD_MIGRATION_YIELDS: 'false',
      KEYHOLD_MAX_KEY_NAMES: '1000000',
      KEYHOLD_LOG_LEVEL: 'error',
    },
    ...{ onMessage, nodeArguments },
  })
  try {
    const models = await makeModels(keyhold)
    let seededMs = 0
    const seeded = await keyhold.whileStopped(async () => {
      const made = await seedManyTenants({
        ...{ dataDir: keyhold.dataDir, seed, models, samples, say },
        ...size,
      })
      seededMs = performance.now()
      return made
    })
    await waitForReady(keyhold.url)
    return { keyhold, startMs: performance.now() - seededMs, ...seeded }
  } catch (error) {
    await keyhold.stop()
    throw error
  }
}

/** The tenants of which all others are likenesses. */
async function makeModels({ url, operatorToken, kms }: KeyholdProcess) {
  const internal = await createTenant(url, operatorToken)
  const own = await createTenant(url, operatorToken)
  const customer = openCustomerKms(kms.url)
  try {
    const policy = customerKeyPolicy([own.tenantId])
    const { keyArn } = await createKeyWith(customer, { Policy: policy })
    await migrateTo(url, own, keyArn)
    return { internal, own: { ...own, keyArn } }
  } finally {
    customer.destroy()
  }
}

async function waitForReady(url: string): Promise<void> {
  for (;;) {
    const reply = await fetch(`${url}/readyz`).catch(() => undefined)
    if (reply?.ok === true) return
    await sleep(20)
  }
}
