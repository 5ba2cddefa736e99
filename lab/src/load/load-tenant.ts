// A tenant under load: its clients, and the values that were encrypted for it, which are decrypted and compared later.
import { createKeyholdClient, type KeyholdClient, type TenantClient } from '@keyhold/client/node'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import type { KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../testkit/src/tenants/migrate-to.ts'

export type Context = Record<string, string>

export interface Remembered<Sealed> {
  sealed: Sealed
  plaintext: Buffer
  context: Context
}

/** A bounded memory of encrypted values. Once it is full, each new value replaces a random one. */
export class Memory<Sealed> {
  readonly #random: SeededRandom
  readonly #room: number
  readonly #all: Remembered<Sealed>[] = []

  constructor(random: SeededRandom, room: number) {
    this.#random = random
    this.#room = room
  }

  get size(): number {
    return this.#all.length
  }

  add(remembered: Remembered<Sealed>): void {
    if (this.#all.length < this.#room) this.#all.push(remembered)
    else this.#all[this.#random.integer(0, this.#room - 1)] = remembered
  }

  pick(): Remembered<Sealed> {
    return this.#random.pick(this.#all)
  }
}

export interface LoadTenant {
  tenantId: string
  serviceToken: string
  /** Its own key; with one, the list of key providers has two entries. */
  keyArn: string | undefined
  sdk: TenantClient
  admin: KeyholdClient
  /** Another SDK, which holds no lease yet. */
  newSdk(): KeyholdClient
  keyNames: string[]
  tokens: Memory<string>
  octets: Memory<Buffer>
}

const tokensRemembered = 500
const octetsRemembered = 8
// Longer than any answer should take and shorter than the server's own limits, so that a hang shows as an error.
const timeoutMs = 10_000

export interface LoadTenantParts {
  keyhold: KeyholdProcess
  random: SeededRandom
  fetch: typeof fetch
}

/** The SDK with an application's settings, but for its timeout. */
export function createLoadSdk(url: string, token: string, send: typeof fetch): KeyholdClient {
  return createKeyholdClient({ url, token, timeoutMs, fetch: send })
}

/** @param hasOwnKey - whether it is under a key of the customer's, or under the internal KMS */
export async function createLoadTenant(
  { keyhold, random, fetch }: LoadTenantParts,
  hasOwnKey: boolean,
): Promise<LoadTenant> {
  const { url, operatorToken, kms } = keyhold
  const tenant = await createTenant(url, operatorToken)
  const keyArn = hasOwnKey ? await createCustomerKey(kms.url) : undefined
  if (keyArn !== undefined) await migrateTo(url, tenant, keyArn)
  const { tenantId, serviceToken, adminToken } = tenant
  const newSdk = () => createLoadSdk(url, serviceToken, fetch)
  return {
    tenantId,
    serviceToken,
    keyArn,
    sdk: newSdk().tenant(),
    admin: createLoadSdk(url, adminToken, fetch),
    newSdk,
    keyNames: ['default'],
    tokens: new Memory(random, tokensRemembered),
    octets: new Memory(random, octetsRemembered),
  }
}
