# The operator's side: the role of Keyhold in your account. It holds no key: keys are in the accounts of the tenants.

terraform {
  required_version = ">= 1.5"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "name" {
  description = "The name of the role. Key policies of tenants name it, so it must not change."
  type        = string
  default     = "keyhold"
}

variable "runs_on" {
  description = "Where Keyhold runs: ec2, eks-pod-identity, or eks-irsa (IAM roles for service accounts)."
  type        = string

  validation {
    condition     = contains(["ec2", "eks-pod-identity", "eks-irsa"], var.runs_on)
    error_message = "Choose ec2, eks-pod-identity or eks-irsa."
  }
}

variable "cluster_name" {
  description = "For eks-pod-identity: the cluster."
  type        = string
  default     = ""
}

variable "oidc_provider_arn" {
  description = "For eks-irsa: the ARN of the cluster's OIDC provider."
  type        = string
  default     = ""
}

variable "namespace" {
  description = "For EKS: the namespace of the release."
  type        = string
  default     = "keyhold"
}

variable "service_account" {
  description = "For EKS: the service account of the replicas."
  type        = string
  default     = "keyhold"
}

data "aws_partition" "here" {}
data "aws_caller_identity" "here" {}

module "permissions" {
  source     = "./permissions"
  partition  = data.aws_partition.here.partition
  account_id = data.aws_caller_identity.here.account_id
}

locals {
  # The issuer, as conditions name it: the ARN without what comes before the host.
  issuer = replace(var.oidc_provider_arn, "/^.*oidc-provider\\//", "")
  trust = {
    ec2 = {
      Effect    = "Allow"
      Principal = { Service = "ec2.${data.aws_partition.here.dns_suffix}" }
      Action    = ["sts:AssumeRole"]
      Condition = {}
    }
    eks-pod-identity = {
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {}
    }
    eks-irsa = {
      Effect    = "Allow"
      Principal = { Federated = var.oidc_provider_arn }
      Action    = ["sts:AssumeRoleWithWebIdentity"]
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "system:serviceaccount:${var.namespace}:${var.service_account}"
        }
      }
    }
  }
}

# Without a path: AWS does not tell Keyhold the path of its role, which key policies must name.
resource "aws_iam_role" "keyhold" {
  name                 = var.name
  description          = "Keyhold. Key policies of tenants name this role: one that is made anew under the same name is another principal."
  max_session_duration = 3600
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      { for key, value in local.trust[var.runs_on] : key => value if length(value) > 0 }
    ]
  })

  lifecycle {
    prevent_destroy = true
  }
}

resource "aws_iam_role_policy" "keyhold" {
  name   = "keyhold"
  role   = aws_iam_role.keyhold.name
  policy = module.permissions.policy
}

resource "aws_iam_instance_profile" "keyhold" {
  count = var.runs_on == "ec2" ? 1 : 0
  name  = var.name
  role  = aws_iam_role.keyhold.name
}

resource "aws_eks_pod_identity_association" "keyhold" {
  count           = var.runs_on == "eks-pod-identity" ? 1 : 0
  cluster_name    = var.cluster_name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.keyhold.arn
}

output "role_arn" {
  description = "Tenants name it in their key policies. For eks-irsa it is the annotation eks.amazonaws.com/role-arn of the service account."
  value       = aws_iam_role.keyhold.arn
}
