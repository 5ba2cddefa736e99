// Parses the ARN of a key or an alias in AWS KMS before anything is sent anywhere. The region decides which host is
// called, so it must have the form of the regions of its partition.
import { partitionForm, partitionOf, type AwsPartition } from './aws-regions.ts'
import { KeyholdError } from '../errors.ts'

export interface KeyArn {
  /** The whole ARN, as given. */
  arn: string
  partition: AwsPartition
  /** Of the partition. */
  region: string
  /** 12 digits. */
  accountId: string
  /** `undefined` for an alias ARN. */
  keyId: string | undefined
}

const keyId = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32}'
const alias = 'alias/(?!aws/)[A-Za-z0-9:/_-]{1,250}'
const form = new RegExp(
  `^arn:(${partitionForm}):kms:([a-z0-9-]{1,32}):([0-9]{12}):(?:key/(${keyId})|${alias})$`,
)

/** @throws KeyholdError `ERR_ARN_INVALID` unless `text` is a key ARN or alias ARN of a region of its partition */
export function parseKeyArn(text: string): KeyArn {
  const match = form.exec(text)
  const [, named, region, accountId, id] = match ?? []
  if (region === undefined || accountId === undefined) {
    throw invalid('A key ARN reads arn:aws:kms:<region>:<account>:key/<id>, an alias ARN …:alias/<name>.')
  }
  const partition = partitionOf(region)
  if (partition === undefined) throw invalid('The region of the key ARN is not a region of AWS KMS.')
  if (partition !== named) {
    throw invalid(`The region of the key ARN is in the partition ${partition}, not in the one that it names.`)
  }
  return { arn: text, partition, region, accountId, keyId: id }
}

/** The same multi-region key in another region; undefined for a single-region key and outside of its partition. */
export function keyArnInRegion(key: KeyArn, region: string): string | undefined {
  if (key.keyId?.startsWith('mrk-') !== true || partitionOf(region) !== key.partition) return undefined
  return `arn:${key.partition}:kms:${region}:${key.accountId}:key/${key.keyId}`
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_ARN_INVALID', { message })
}
