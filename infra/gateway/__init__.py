"""The one stand-in for AWS API Gateway, Lambda and CloudFront on this machine: one port serves all of it."""
