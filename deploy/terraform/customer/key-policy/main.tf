# The policy of a tenant's key. It has no resources, so that it can be read and tried without an account.

variable "partition" {
  description = "The partition of AWS: aws, aws-cn, aws-us-gov …"
  type        = string
  default     = "aws"
}

variable "account_id" {
  description = "The account of the key."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

variable "keyhold_principals" {
  description = "The ARNs of Keyhold's roles, from whoever runs Keyhold."
  type        = list(string)

  validation {
    condition     = length(var.keyhold_principals) > 0 && alltrue([for arn in var.keyhold_principals : can(regex("^arn:[a-z0-9-]+:iam::[0-9]{12}:(root|(role|user)/.+)$", arn))])
    error_message = "Name at least one ARN of a role, a user or an account."
  }
}

variable "tenant_id" {
  description = "Your tenant's id at Keyhold. The key serves this tenant alone."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]+$", var.tenant_id))
    error_message = "A tenant's id has letters, digits, hyphens and underscores."
  }
}

locals {
  # AWS shows a list of one as a text.
  keyhold = { AWS = try(one(var.keyhold_principals), var.keyhold_principals) }
  policy = {
    Version = "2012-10-17"
    Id      = "keyhold"
    Statement = [
      {
        # Without it nobody could change the policy any more, and AWS refuses it.
        Sid       = "TheAccountManagesItsKey"
        Effect    = "Allow"
        Principal = { AWS = "arn:${var.partition}:iam::${var.account_id}:root" }
        Action    = "kms:*"
        Resource  = "*"
      },
      {
        Sid       = "KeyholdUsesTheKeyForThisTenant"
        Effect    = "Allow"
        Principal = local.keyhold
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = "*"
        Condition = { StringEquals = { "kms:EncryptionContext:tenantId" = var.tenant_id } }
      },
      {
        # It stands alone: DescribeKey has no encryption context, so that no condition on one is ever met.
        Sid       = "KeyholdLooksAtTheKey"
        Effect    = "Allow"
        Principal = local.keyhold
        Action    = "kms:DescribeKey"
        Resource  = "*"
      },
    ]
  }
}

output "policy" {
  description = "The key policy, as JSON."
  value       = jsonencode(local.policy)
}
