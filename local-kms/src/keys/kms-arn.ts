// Names of keys and aliases. Only the partition `aws` exists here.

const KEY_ID = /^(?:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$/
const KMS_ARN = /^arn:aws:kms:([a-z0-9-]+):(\d{12}):(key\/.+|alias\/.+)$/

/** Where a key or alias lives and what it is called there; `resource` is `key/…` or `alias/…`. */
export interface KmsArn {
  readonly region: string
  readonly account: string
  readonly resource: string
}

export function parseKmsArn(text: string): KmsArn | undefined {
  const [, region, account, resource] = KMS_ARN.exec(text) ?? []
  if (region === undefined || account === undefined || resource === undefined) return undefined
  return { region, account, resource }
}

export function kmsArn(region: string, account: string, resource: string): string {
  return `arn:aws:kms:${region}:${account}:${resource}`
}

export function isKeyId(text: string): boolean {
  return KEY_ID.test(text)
}

export function isRegion(text: string): boolean {
  return /^([a-z]+-){2,3}\d+$/.test(text) && text.length <= 32
}
