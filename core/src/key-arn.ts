// Parses the ARN of a key or an alias in AWS KMS before anything is sent anywhere. The region decides which host is
// called, so only regions of a compiled list are accepted.
import { KeyholdError } from './errors.ts'

/** Regions of the partition `aws` that offer KMS. */
export const awsRegions: ReadonlySet<string> = new Set(
  (
    'af-south-1 ap-east-1 ap-east-2 ap-northeast-1 ap-northeast-2 ap-northeast-3 ap-south-1 ap-south-2 ap-southeast-1 ' +
    'ap-southeast-2 ap-southeast-3 ap-southeast-4 ap-southeast-5 ap-southeast-6 ap-southeast-7 ca-central-1 ca-west-1 ' +
    'eu-central-1 eu-central-2 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-2 eu-west-3 il-central-1 ' +
    'me-central-1 me-south-1 mx-central-1 sa-east-1 us-east-1 us-east-2 us-west-1 us-west-2'
  ).split(' '),
)

export interface KeyArn {
  /** The whole ARN, as given. */
  arn: string
  region: string
  /** 12 digits. */
  accountId: string
  /** `undefined` for an alias ARN. */
  keyId: string | undefined
}

const form =
  /^arn:aws:kms:([a-z0-9-]{1,32}):([0-9]{12}):(?:key\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})|alias\/(?!aws\/)[A-Za-z0-9:/_-]{1,250})$/

/** @throws KeyholdError `ERR_ARN_INVALID` unless `text` is a key ARN or alias ARN of a known region */
export function parseKeyArn(text: string): KeyArn {
  const match = form.exec(text)
  const [, region, accountId, keyId] = match ?? []
  if (region === undefined || accountId === undefined) {
    throw invalid('A key ARN reads arn:aws:kms:<region>:<account>:key/<id>, an alias ARN …:alias/<name>.')
  }
  if (!awsRegions.has(region)) throw invalid('The region of the key ARN is not a region of AWS KMS.')
  return { arn: text, region, accountId, keyId }
}

/** The same multi-region key in another region; undefined for a single-region key and for an unknown region. */
export function keyArnInRegion(key: KeyArn, region: string): string | undefined {
  if (key.keyId?.startsWith('mrk-') !== true || !awsRegions.has(region)) return undefined
  return `arn:aws:kms:${region}:${key.accountId}:key/${key.keyId}`
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_ARN_INVALID', { message })
}
