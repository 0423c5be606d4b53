"""RequestAuthentication, WasmPlugin, TrafficExtension, Telemetry, EnvoyFilter, Sidecar, ProxyConfig."""
