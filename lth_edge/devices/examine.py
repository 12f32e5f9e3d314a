"""On the device: what it is (`lth_edge.devices.board`), and "emulator": what runs it in its place, or "" - as JSON."""

import json

from lth_edge.devices.board import board_facts, emulator

if __name__ == "__main__":
    print(json.dumps({**board_facts(), "emulator": emulator()}))
