"""Endpoints for webhooks in web frameworks. Each module needs only its own framework."""
