locals {
  issuer_origin = regex("^https://[^/]+", var.keycloak_issuer)
  settings = merge({
    AWE__SERVER__HOST                = "0.0.0.0"
    AWE__SERVER__UNREADY_SECONDS     = "10"
    AWE__SERVER__SHUTDOWN_SECONDS    = "25"
    AWE__KEYCLOAK__ISSUER            = var.keycloak_issuer
    AWE__KEYCLOAK__BASE_URL          = var.keycloak_base_url
    AWE__KEYCLOAK__BROWSER_CLIENT_ID = "awe-admin-portal"
    AWE__AUTH__ROLE_CLIENTS          = "[awe-admin-portal]"
  }, var.settings)
  secrets = merge({
    AWE__DATABASE__URL                 = var.database_url_secret_arn
    AWE__NATS__URL                     = var.nats_url_secret_arn
    AWE__SECRETS__MASTER_KEY           = var.master_key_secret_arn
    AWE__KEYCLOAK__ADMIN_CLIENT_SECRET = var.keycloak_admin_client_secret_arn
  }, var.secrets)
  environment = [for name in sort(keys(local.settings)) : { name = name, value = local.settings[name] }]
  hidden      = [for name in sort(keys(local.secrets)) : { name = name, valueFrom = local.secrets[name] }]
  logs = { for part in ["awe", "ui"] : part => {
    logDriver = "awslogs"
    options = {
      awslogs-group         = aws_cloudwatch_log_group.this.name
      awslogs-region        = var.region
      awslogs-stream-prefix = part
    }
  } }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.name}"
  retention_in_days = 30
}

data "aws_iam_policy_document" "tasks" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
  }
}

data "aws_iam_policy_document" "secrets" {
  statement {
    actions   = ["secretsmanager:GetSecretValue"]
    resources = distinct(concat(values(local.secrets), [var.migration_url_secret_arn]))
  }
}

resource "aws_iam_role" "execution" {
  name               = "${var.name}-execution"
  assume_role_policy = data.aws_iam_policy_document.tasks.json
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_iam_role_policy" "secrets" {
  name   = "secrets"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.secrets.json
}

# The schema first: the server starts once this container has ended well. Many tasks at once are safe.
resource "aws_ecs_task_definition" "awe" {
  family                   = "${var.name}-awe"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions = jsonencode([
    {
      name                   = "migrate"
      image                  = var.image
      essential              = false
      command                = ["migrate", "--app-role", var.app_role]
      readonlyRootFilesystem = true
      secrets                = [{ name = "AWE__DATABASE__URL", valueFrom = var.migration_url_secret_arn }]
      logConfiguration       = local.logs["awe"]
    },
    {
      name                   = "awe"
      image                  = var.image
      essential              = true
      command                = ["serve"]
      dependsOn              = [{ containerName = "migrate", condition = "SUCCESS" }]
      readonlyRootFilesystem = true
      stopTimeout            = 120
      portMappings           = [{ containerPort = 8000 }]
      environment            = local.environment
      secrets                = local.hidden
      logConfiguration       = local.logs["awe"]
      # Asks nobody else: a database that is away must not have tasks replaced.
      healthCheck = {
        command     = ["CMD", "/awe", "health", "--live"]
        interval    = 10
        timeout     = 5
        retries     = 6
        startPeriod = 120
      }
    }
  ])
}

resource "aws_ecs_task_definition" "ui" {
  family                   = "${var.name}-ui"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions = jsonencode([{
    name      = "ui"
    image     = var.ui_image
    essential = true
    environment = [
      # Unused: the balancer leads /v1/awe/ to the API itself.
      { name = "AWE_API", value = "http://127.0.0.1:8000" },
      { name = "AWE_ISSUER_ORIGIN", value = local.issuer_origin },
    ]
    portMappings     = [{ containerPort = 8080 }]
    logConfiguration = local.logs["ui"]
  }])
}

resource "aws_ecs_service" "awe" {
  name                               = "${var.name}-awe"
  cluster                            = var.cluster_arn
  task_definition                    = aws_ecs_task_definition.awe.arn
  desired_count                      = var.replicas
  launch_type                        = "FARGATE"
  deployment_minimum_healthy_percent = 100
  health_check_grace_period_seconds  = 180
  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.tasks.id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.awe.arn
    container_name   = "awe"
    container_port   = 8000
  }
  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }
  depends_on = [aws_lb_listener_rule.api]
}

resource "aws_ecs_service" "ui" {
  name            = "${var.name}-ui"
  cluster         = var.cluster_arn
  task_definition = aws_ecs_task_definition.ui.arn
  desired_count   = 1
  launch_type     = "FARGATE"
  network_configuration {
    subnets         = var.private_subnet_ids
    security_groups = [aws_security_group.tasks.id]
  }
  load_balancer {
    target_group_arn = aws_lb_target_group.ui.arn
    container_name   = "ui"
    container_port   = 8080
  }
  depends_on = [aws_lb_listener.https]
}
