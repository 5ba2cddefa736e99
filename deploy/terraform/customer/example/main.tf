# The module in use: a key in Ireland, its replica in Paris.

provider "aws" {
  region = "eu-west-1"
}

provider "aws" {
  alias  = "replica"
  region = "eu-west-3"
}

module "key" {
  source             = "../"
  tenant_id          = "<your tenant's id>"
  keyhold_principals = ["arn:aws:iam::111122223333:role/keyhold"]

  providers = {
    aws         = aws
    aws.replica = aws.replica
  }
}

output "key_arn" {
  value = module.key.key_arn
}
