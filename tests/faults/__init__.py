"""What operators meet: stores and gateways that hang, fail, die and come back, and a provider that is killed."""
