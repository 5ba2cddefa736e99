// The ways in which a customer takes the key away, what Keyhold must answer to each, and how it is given back.
import type { LocalKms } from '@keyhold/local-kms'
import type { Customer } from '../../../testkit/src/customer/create-customer.ts'
import { ownRegion, replicaRegion } from '../../../testkit/src/customer/customer-kms.ts'
import { customerKeyPolicy } from '../../../testkit/src/customer/key-policy.ts'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'

export interface Taking {
  customer: Customer
  kms: LocalKms
  random: SeededRandom
  /** Resolves when the KMS has refused the key in its own region since it was taken away. */
  refused: () => Promise<void>
}

/** Gives access back. */
export type GiveBack = () => Promise<void>

export interface Way {
  name: string
  /** Where the KMS refuses; undefined: nothing may close. */
  refusedBy: 'own region' | 'replica region' | undefined
  take(taking: Taking): Promise<GiveBack>
  /** The answers that are allowed besides 200, as `status code`. */
  answers: readonly string[]
  /** The states that the key's health may show while the key is away. */
  states: readonly string[]
}

const outages = ['503 ERR_KMS_FAILED', '503 ERR_KMS_TIMEOUT', '503 ERR_KMS_UNREACHABLE']
// Not a connection that is cut: that would tell of the region, for all keys, as `npm run region-down` does.
const kinds = ['hang', 'error500'] as const

/** Takes the own region down for this key alone, so that others can be tried meanwhile. */
function ownRegionDown({ kms, customer, random }: Taking): () => void {
  return kms.faults.add({ kind: random.pick(kinds), match: { region: ownRegion, keyId: customer.keyId } })
}

const takenPolicy = customerKeyPolicy([], { allowsUse: false })
const goodPolicy = ({ tenantId }: Customer) => customerKeyPolicy([tenantId])

export const ways: readonly Way[] = [
  {
    name: 'statement removed from the key policy',
    refusedBy: 'own region',
    answers: ['424 ERR_KMS_DENIED'],
    states: ['denied'],
    async take({ customer }) {
      await customer.putPolicy(ownRegion, takenPolicy)
      return () => customer.putPolicy(ownRegion, goodPolicy(customer))
    },
  },
  {
    name: 'context condition changed to another tenant',
    refusedBy: 'own region',
    answers: ['424 ERR_KMS_DENIED'],
    states: ['denied'],
    async take({ customer }) {
      await customer.putPolicy(ownRegion, customerKeyPolicy(['another-tenant']))
      return () => customer.putPolicy(ownRegion, goodPolicy(customer))
    },
  },
  {
    name: 'key disabled',
    refusedBy: 'own region',
    answers: ['424 ERR_KMS_KEY_DISABLED'],
    states: ['disabled'],
    async take({ customer }) {
      await customer.disable(ownRegion)
      return () => customer.enable(ownRegion)
    },
  },
  {
    name: 'key scheduled for deletion',
    refusedBy: 'own region',
    // Between the cancelled deletion and the next call of the customer the key is disabled.
    answers: ['424 ERR_KMS_KEY_PENDING_DELETION', '424 ERR_KMS_KEY_DISABLED'],
    states: ['pendingDeletion'],
    async take({ customer }) {
      await customer.scheduleDeletion()
      return () => customer.cancelDeletion()
    },
  },
  {
    name: 'key disabled, then its region down: the replica would answer',
    refusedBy: 'own region',
    answers: ['424 ERR_KMS_KEY_DISABLED', ...outages],
    states: ['disabled'],
    async take(taking) {
      const { customer, refused } = taking
      await customer.disable(ownRegion)
      let bringBack: (() => void) | undefined
      let isGivenBack = false
      void refused().then(() => {
        if (!isGivenBack) bringBack = ownRegionDown(taking)
      })
      return async () => {
        isGivenBack = true
        bringBack?.()
        await customer.enable(ownRegion)
      }
    },
  },
  {
    name: "replica's policy changed while the own region is down",
    refusedBy: 'replica region',
    answers: outages,
    states: ['unreachable'],
    async take(taking) {
      const { customer } = taking
      await customer.putPolicy(replicaRegion, takenPolicy)
      const bringBack = ownRegionDown(taking)
      return async () => {
        bringBack()
        await customer.putPolicy(replicaRegion, goodPolicy(customer))
      }
    },
  },
  {
    name: 'replica disabled while the own region is down',
    refusedBy: 'replica region',
    answers: outages,
    states: ['unreachable'],
    async take(taking) {
      const { customer } = taking
      await customer.disable(replicaRegion)
      const bringBack = ownRegionDown(taking)
      return async () => {
        bringBack()
        await customer.enable(replicaRegion)
      }
    },
  },
  {
    name: 'alias moved to another key',
    refusedBy: undefined,
    answers: [],
    // Other trials take the region down for their keys, and to Keyhold three such keys are a region that is down.
    states: ['healthy', 'degraded', 'unreachable'],
    async take({ customer }) {
      await customer.moveAlias('another key')
      return () => customer.moveAlias('the key')
    },
  },
]
