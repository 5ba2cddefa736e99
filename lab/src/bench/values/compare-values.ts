// Compares values of three sizes in core with plain GCM and with other libraries.
import { alternate } from '../alternate.ts'
import { orSkip, type Report } from '../measurement.ts'
import type { Sizes } from '../sizes.ts'
import { prepareAwsEncryptionSdk, prepareAwsEncryptionSdkWithCache } from './aws-encryption-sdk.ts'
import { prepareJose } from './jose-values.ts'
import { prepareSeals, prepareTokens } from './keyhold-values.ts'
import { preparePlainGcm, preparePlainGcmText } from './plain-gcm.ts'
import { prepareTink } from './tink-values.ts'
import type { PrepareValue } from './value-peer.ts'

interface Pairing {
  peer: string
  ours: PrepareValue
  theirs: PrepareValue
  /** For values of 1 KiB. */
  goals: { encrypt?: number; decrypt?: number }
}

const ahead = { encrypt: 1, decrypt: 1 }

const pairings: Pairing[] = [
  { peer: 'plain GCM', ours: prepareSeals, theirs: preparePlainGcm, goals: { encrypt: 0.35 } },
  { peer: 'plain GCM as text', ours: prepareTokens, theirs: preparePlainGcmText, goals: {} },
  {
    peer: 'AWS Encryption SDK',
    ours: prepareTokens,
    theirs: prepareAwsEncryptionSdk,
    goals: { encrypt: 10, decrypt: 1 },
  },
  {
    peer: 'AWS Encryption SDK with its cache',
    ours: prepareTokens,
    theirs: prepareAwsEncryptionSdkWithCache,
    goals: ahead,
  },
  { peer: 'jose', ours: prepareTokens, theirs: prepareJose, goals: ahead },
  { peer: 'tink-crypto', ours: prepareTokens, theirs: prepareTink, goals: ahead },
]

const goalBytes = 1_024

export async function compareValues(sizes: Sizes, report: Report): Promise<void> {
  for (const bytes of sizes.valueBytes) {
    const size = bytes < 1_048_576 ? `${bytes / 1_024} KiB` : `${bytes / 1_048_576} MiB`
    const plaintext = Buffer.alloc(bytes, 'a value that repeats itself ')
    for (const { peer, ours, theirs, goals } of pairings) {
      await orSkip(`value of ${size} | ${peer}`, report, async () => {
        const [our, their] = [await ours(plaintext), await theirs(plaintext)]
        const of = (verb: 'encrypt' | 'decrypt') => ({
          name: `${verb} a value of ${size} | ${peer}`,
          ours: our[verb],
          theirs: their[verb],
          ...(bytes === goalBytes && goals[verb] !== undefined && { goal: goals[verb] }),
        })
        return [await alternate(of('encrypt'), sizes), await alternate(of('decrypt'), sizes)]
      })
    }
  }
}
