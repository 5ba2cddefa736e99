// A key policy in the forms of Terraform and CloudFormation.
import type { KeyPolicies } from './key-policy.ts'
import { hclString, hclValue } from './quote.ts'
import { labelOf } from './terraform-module.ts'

type RegionalPolicy = KeyPolicies['regions'][number]

/** HCL for a key that exists. */
export function terraformOf({ region, keyArn, policy }: RegionalPolicy): string {
  const name = labelOf(region)
  return `# Needs the provider alias aws.${name}: provider "aws" { alias = "${name}" region = "${region}" }
resource "aws_kms_key_policy" "keyhold_${name}" {
  provider = aws.${name}
  key_id   = ${hclString(keyArn ?? `<the key's ARN in ${region}>`)}
  policy = jsonencode(${hclValue(policy, '  ')})
}
`
}

/** JSON of a stack of the region; a policy is a property of the key there, so that it makes the key or imports it. */
export function cloudFormationOf(
  { region, keyArn, policy }: RegionalPolicy,
  primary: RegionalPolicy,
): string {
  const isPrimary = region === primary.region
  const isMultiRegion = keyArn?.includes(':key/mrk-') ?? true
  const properties = isPrimary
    ? { ...(isMultiRegion && { MultiRegion: true }), KeyPolicy: policy }
    : { PrimaryKeyArn: primary.keyArn ?? `<the key's ARN in ${primary.region}>`, KeyPolicy: policy }
  const template = {
    AWSTemplateFormatVersion: '2010-09-09',
    Description: `The key of a Keyhold tenant in ${region}: a new one, or an existing one by a resource import.`,
    Resources: {
      KeyholdKey: {
        Type: isPrimary ? 'AWS::KMS::Key' : 'AWS::KMS::ReplicaKey',
        DeletionPolicy: 'Retain',
        UpdateReplacePolicy: 'Retain',
        Properties: properties,
      },
    },
  }
  return `${JSON.stringify(template, undefined, 2)}\n`
}
