// A Terraform module that makes the key of a tenant: multi-region, with its replicas, its alias and its policies.
import type { KeyPolicies } from './key-policy.ts'
import { hclString, hclValue } from './quote.ts'

export function terraformModule({
  accountId,
  aliasName,
  regions,
  tenantId,
}: Pick<KeyPolicies, 'accountId' | 'aliasName' | 'regions' | 'tenantId'>): string {
  const [own, ...others] = regions
  if (own === undefined) throw new Error('a key has a region')
  const description = hclString(`The key of the Keyhold tenant ${tenantId}`)
  return `terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

locals {
  alias       = ${hclString(aliasName)}
  description = ${description}
  policy = jsonencode(${hclValue(own.policy, '  ')})
}
${regions.map(({ region }) => providerOf(region, accountId)).join('')}
resource "aws_kms_key" "keyhold" {
  provider                = aws.${labelOf(own.region)}
  description             = local.description
  multi_region            = true
  policy                  = local.policy
  deletion_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}
${aliasOf(own.region, 'aws_kms_key.keyhold')}${others.map(({ region }) => replicaOf(region)).join('')}
output "key_arn" {
  description = "Register this ARN with Keyhold."
  value       = aws_kms_key.keyhold.arn
}
`
}

/** The name of a region in Terraform, where names have no hyphens. */
export function labelOf(region: string): string {
  return region.replaceAll('-', '_')
}

function providerOf(region: string, accountId: string): string {
  return `
provider "aws" {
  alias               = "${labelOf(region)}"
  region              = ${hclString(region)}
  allowed_account_ids = [${hclString(accountId)}]
}
`
}

function aliasOf(region: string, key: string): string {
  const label = labelOf(region)
  return `
resource "aws_kms_alias" "keyhold_${label}" {
  provider      = aws.${label}
  name          = local.alias
  target_key_id = ${key}.key_id
}
`
}

function replicaOf(region: string): string {
  const label = labelOf(region)
  return `
resource "aws_kms_replica_key" "keyhold_${label}" {
  provider                = aws.${label}
  description             = local.description
  primary_key_arn         = aws_kms_key.keyhold.arn
  policy                  = local.policy
  deletion_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}
${aliasOf(region, `aws_kms_replica_key.keyhold_${label}`)}`
}
