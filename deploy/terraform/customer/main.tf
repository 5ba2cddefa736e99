# The customer's side: a key that stays in your account, and its replica in the region that stands in when the first one fails.
# `keyhold keyprovider policy --account … --regions … --format terraform` prints the same for your tenant.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source                = "hashicorp/aws"
      version               = ">= 5.0"
      configuration_aliases = [aws, aws.replica]
    }
  }
}

variable "tenant_id" {
  description = "Your tenant's id at Keyhold."
  type        = string
}

variable "keyhold_principals" {
  description = "The ARNs of Keyhold's roles, from whoever runs Keyhold."
  type        = list(string)
}

data "aws_partition" "here" {}
data "aws_caller_identity" "here" {}

module "key_policy" {
  source             = "./key-policy"
  partition          = data.aws_partition.here.partition
  account_id         = data.aws_caller_identity.here.account_id
  keyhold_principals = var.keyhold_principals
  tenant_id          = var.tenant_id
}

locals {
  alias       = "alias/keyhold-${var.tenant_id}"
  description = "The key of the Keyhold tenant ${var.tenant_id}"
}

# Who deletes this key deletes what it protects, for ever, in every backup.
resource "aws_kms_key" "keyhold" {
  description             = local.description
  multi_region            = true
  policy                  = module.key_policy.policy
  deletion_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "keyhold" {
  name          = local.alias
  target_key_id = aws_kms_key.keyhold.key_id
}

# A replica key has its own policy.
resource "aws_kms_replica_key" "keyhold" {
  provider                = aws.replica
  description             = local.description
  primary_key_arn         = aws_kms_key.keyhold.arn
  policy                  = module.key_policy.policy
  deletion_window_in_days = 30

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_kms_alias" "keyhold_replica" {
  provider      = aws.replica
  name          = local.alias
  target_key_id = aws_kms_replica_key.keyhold.key_id
}

output "key_arn" {
  description = "Register this ARN with Keyhold: keyhold keyprovider check --arn …, then keyhold keyprovider create --arn …"
  value       = aws_kms_key.keyhold.arn
}
