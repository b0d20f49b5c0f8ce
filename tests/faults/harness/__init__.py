"""Breaks a running installation by the hundred and checks its promises (`python -m tests.faults.harness`).

`servers`, `fleet` and `installation` run a broker, a database and the services as processes; `load` asks them
to do things and writes down in a `model` what they acknowledged; `faults`, `server_faults` and
`traffic_faults` break them; `observation` reads what can be seen afterwards and `checker` compares the two
without any code of the product. `runner` puts these together, `report` prints the result. `process` starts a
service with fail points and sabotage.
"""
