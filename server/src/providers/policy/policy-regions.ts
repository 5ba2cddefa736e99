// Which key in which regions a request for policies is about. The key need not exist yet.
import { keyArnInRegion, KeyholdError, parseKeyArn, partitionOf, type AwsPartition } from '@keyhold/core'

export interface PolicyRequest {
  /** Of a key or an alias; undefined: the key does not exist yet. */
  arn?: string | undefined
  /** 12 digits. With an ARN it may be left out. */
  account?: string | undefined
  /** Separated by commas. Without an ARN the first one is the key's own; with one, they are further regions. */
  regions?: string | undefined
}

export interface PolicySubject {
  partition: AwsPartition
  accountId: string
  /** Undefined: the key is not known. */
  keyArn: string | undefined
  /** As the request names it; undefined: the request names none. */
  aliasName: string | undefined
  /** The key's own region first. */
  regions: { region: string; keyArn: string | undefined }[]
}

const maxRegions = 40

/**
 * @param standInsOf - the regions that stand in for a region, and those in which a known key has replicas
 * @throws KeyholdError `ERR_INVALID_REQUEST`, `ERR_ARN_INVALID`, `ERR_KEY_SINGLE_REGION`
 */
export function parsePolicyRequest(
  { arn, account, regions: asked }: PolicyRequest,
  standInsOf: (region: string) => readonly string[],
): PolicySubject {
  const named = asked === undefined ? [] : asked.split(',').map((each) => each.trim())
  if (named.length > maxRegions) throw invalid(`regions names more than ${maxRegions} regions.`)
  if (arn === undefined) return withoutKey(account, named, standInsOf)
  const key = parseKeyArn(arn)
  if (account !== undefined && account !== key.accountId) {
    throw invalid('account is not the account of the ARN.')
  }
  checkPartition(named, key.partition)
  const isSingleRegion = key.keyId?.startsWith('mrk-') === false
  const others = named.filter((region) => region !== key.region)
  if (isSingleRegion && others.length > 0) {
    throw new KeyholdError('ERR_KEY_SINGLE_REGION', {
      message: 'A single-region key has no replicas: leave out regions, or create a multi-region key.',
    })
  }
  const all = isSingleRegion ? [key.region] : [key.region, ...others, ...standInsOf(key.region)]
  return {
    partition: key.partition,
    accountId: key.accountId,
    keyArn: key.keyId === undefined ? undefined : key.arn,
    aliasName: key.keyId === undefined ? key.arn.slice(key.arn.indexOf(':alias/') + 1) : undefined,
    regions: Array.from(new Set(all), (region) => ({
      region,
      keyArn: region === key.region && key.keyId !== undefined ? key.arn : keyArnInRegion(key, region),
    })),
  }
}

function withoutKey(
  account: string | undefined,
  named: readonly string[],
  standInsOf: (region: string) => readonly string[],
): PolicySubject {
  const [own] = named
  if (own === undefined || account === undefined) {
    throw invalid('It takes arn, or account and regions where there is no key yet.')
  }
  const partition = partitionOf(own)
  if (partition === undefined) throw invalid('regions names no region of AWS.')
  checkPartition(named, partition)
  return {
    ...{ partition, accountId: account, keyArn: undefined, aliasName: undefined },
    regions: Array.from(new Set([...named, ...standInsOf(own)]), (region) => ({ region, keyArn: undefined })),
  }
}

function checkPartition(regions: readonly string[], partition: AwsPartition): void {
  if (regions.every((region) => partitionOf(region) === partition)) return
  throw invalid(`regions must be regions of the partition ${partition} of AWS, separated by commas.`)
}

function invalid(message: string): KeyholdError {
  return new KeyholdError('ERR_INVALID_REQUEST', { message })
}
