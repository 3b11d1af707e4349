variable "name" {
  description = "Name of this installation; prefix of everything that is made."
  type        = string
  default     = "awe"
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{0,20}$", var.name))
    error_message = "Lower case letters, digits and dashes, at most 21."
  }
}

variable "hostname" {
  description = "Host name that people and callers use."
  type        = string
}

variable "region" {
  description = "Region of the logs."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the services."
  type        = string
}

variable "private_subnet_ids" {
  description = "Subnets of the services; they need a way out to images, NATS, Keycloak and webhooks."
  type        = list(string)
}

variable "public_subnet_ids" {
  description = "Subnets of the load balancer."
  type        = list(string)
}

variable "certificate_arn" {
  description = "Certificate for the host name."
  type        = string
}

variable "cluster_arn" {
  description = "ECS cluster."
  type        = string
}

variable "image" {
  description = "Image of AWE, with a version or a digest."
  type        = string
  validation {
    condition     = !endswith(var.image, ":latest")
    error_message = "Name a version: an image that moves cannot be rolled back."
  }
}

variable "ui_image" {
  description = "Image of the UI, with a version or a digest."
  type        = string
}

variable "database_security_group_id" {
  description = "Security group of the RDS instance, which lets the services in."
  type        = string
}

variable "database_url_secret_arn" {
  description = "Secret with the URL that servers use: postgres://awe_app:...@host:5432/awe?sslmode=require."
  type        = string
  sensitive   = true
}

variable "migration_url_secret_arn" {
  description = "Secret with the URL of the role that owns the tables."
  type        = string
  sensitive   = true
}

variable "app_role" {
  description = "Role that servers connect as; migrations grant it what it needs. It must exist (awe init postgres)."
  type        = string
  default     = "awe_app"
}

variable "master_key_secret_arn" {
  description = "Secret with the key that callback secrets are sealed under (base64 of 32 bytes)."
  type        = string
  sensitive   = true
}

variable "nats_url_secret_arn" {
  description = "Secret with the URL of NATS, credentials included."
  type        = string
  sensitive   = true
}

variable "keycloak_issuer" {
  description = "Issuer of accepted tokens. Never empty: unsigned tokens would be accepted."
  type        = string
  validation {
    condition     = can(regex("^https://[^/]+/", var.keycloak_issuer))
    error_message = "An https URL; an empty issuer would accept unsigned tokens."
  }
}

variable "keycloak_base_url" {
  description = "Base URL of Keycloak, for looking up people."
  type        = string
}

variable "keycloak_admin_client_secret_arn" {
  description = "Secret of the client awe-admin-resolver."
  type        = string
  sensitive   = true
}

variable "settings" {
  description = "Further settings that are not secret: AWE__SECTION__KEY or REGISTRATION_*, as in .env.example."
  type        = map(string)
  default     = {}
}

variable "secrets" {
  description = "Further settings that are secret: the variable, and the ARN of the secret that holds its value."
  type        = map(string)
  default     = {}
}

variable "replicas" {
  description = "Tasks with all roles."
  type        = number
  default     = 2
}

variable "cpu" {
  description = "CPU units of a task (1024 = one)."
  type        = number
  default     = 512
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
  default     = 1024
}
