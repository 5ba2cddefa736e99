// The partitions of AWS. Their Regions, accounts and principals have nothing to do with each other. Here an account with
// the same number is in each of them.

const regionsOf: readonly [partition: string, form: RegExp][] = [
  ['aws-cn', /^cn-/],
  ['aws-us-gov', /^us-gov-/],
  ['aws-eusc', /^eusc-/],
  ['aws-iso', /^us-iso-/],
  ['aws-iso-b', /^us-isob-/],
  ['aws-iso-e', /^eu-isoe-/],
  ['aws-iso-f', /^us-isof-/],
]

/** The partition of a Region, as ARNs name it. */
export function partitionOf(region: string): string {
  return regionsOf.find(([, form]) => form.test(region))?.[0] ?? 'aws'
}

/** The partition that an ARN names. */
export function partitionOfArn(arn: string): string {
  return arn.split(':', 2)[1] ?? ''
}
