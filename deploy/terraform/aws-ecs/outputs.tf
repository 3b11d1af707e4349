output "balancer_dns_name" {
  description = "What the host name must lead to."
  value       = aws_lb.this.dns_name
}

output "tasks_security_group_id" {
  description = "Security group of the services, for NATS and Keycloak to let in."
  value       = aws_security_group.tasks.id
}

output "url" {
  description = "Where people open the UI; the API is below /v1/awe/."
  value       = "https://${var.hostname}"
}
