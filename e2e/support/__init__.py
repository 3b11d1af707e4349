"""The base of the end-to-end tests: servers, a database for each test, clients, a webhook sink.

`./dev test` runs the suite against servers that it starts. Against other servers:

    DATABASE_URL=postgres://awe@127.0.0.1:5432/awe NATS_URL=nats://127.0.0.1:4222 AWE_BIN=target/debug/awe \\
        python3 -m unittest discover -s e2e -v

Each test makes a database and a stream prefix of its own and removes both. Python's standard library and `psql`
(on PATH or in AWE_POSTGRES_BIN) are all it needs.
"""
