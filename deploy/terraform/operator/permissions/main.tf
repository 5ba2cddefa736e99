# What Keyhold may do in AWS. It has no resources, so that it can be read and tried without an account.

variable "partition" {
  description = "The partition of AWS: aws, aws-cn, aws-us-gov …"
  type        = string
  default     = "aws"
}

variable "account_id" {
  description = "The account in which Keyhold runs."
  type        = string

  validation {
    condition     = can(regex("^[0-9]{12}$", var.account_id))
    error_message = "An account id has 12 digits."
  }
}

locals {
  policy = {
    Version = "2012-10-17"
    Statement = [
      {
        # Whose keys these are, the policies of the keys decide. Without a tenant's id in the context there is no use of them.
        Sid       = "UseKeysOfTenants"
        Effect    = "Allow"
        Action    = ["kms:GenerateDataKey", "kms:Decrypt"]
        Resource  = "arn:${var.partition}:kms:*:*:key/*"
        Condition = { Null = { "kms:EncryptionContext:tenantId" = "false" } }
      },
      {
        Sid      = "LookAtKeysOfTenants"
        Effect   = "Allow"
        Action   = "kms:DescribeKey"
        Resource = "arn:${var.partition}:kms:*:*:key/*"
      },
      {
        Sid      = "UseRolesOfTenants"
        Effect   = "Allow"
        Action   = "sts:AssumeRole"
        Resource = "arn:${var.partition}:iam::*:role/*"
      },
      {
        # A tenant names the role. One of this account may be meant for something else.
        Sid      = "UseNoRoleOfThisAccount"
        Effect   = "Deny"
        Action   = "sts:AssumeRole"
        Resource = "arn:${var.partition}:iam::${var.account_id}:role/*"
      },
    ]
  }
}

output "policy" {
  description = "The permissions, as JSON."
  value       = jsonencode(local.policy)
}
