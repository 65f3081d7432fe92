"""AES-128 between two parties: one holds the key, the other the block, and only the other learns the ciphertext.

    python examples/aes128.py                             both parties, with our own circuit, written as a Bristol file
    mpcnet local -n 2 examples/aes128.py -- aes_128.txt   any AES-128 in Bristol Fashion: key and block in, block out

Key, block and result are those of FIPS-197, appendix C.1.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import mpcnet
from circuits import bristol
from circuits.lib import octets

KEY = bytes(range(16))
BLOCK = bytes.fromhex("00112233445566778899aabbccddeeff")
CIPHERTEXT = bytes.fromhex("69c4e0d86a7b0430d8cdb78070b4c55a")


async def main(session: mpcnet.Session, file: str) -> bytes | None:
    if session.n_parties != 2:
        raise mpcnet.ConfigError(f"this example is for 2 parties, not {session.n_parties}")
    aes = bristol.load(file)
    key_port, block_port = (port.name for port in aes.inputs)
    holder, other = session.parties
    mine = (
        {key_port: octets.to_port(KEY, "big")} if session.name == holder else {block_port: octets.to_port(BLOCK, "big")}
    )
    ciphertext = await session.evaluate(aes, mine, owners={key_port: holder, block_port: other}, reveal_to=[other])
    if ciphertext is None:
        print(f"gave a key for {aes.and_count} AND gates, learned nothing")
        return None
    result = octets.from_port(ciphertext, 16, "big")
    print(f"ciphertext {result.hex()}")
    return result


if __name__ == "__main__":
    import mpcnet.local
    from circuits.lib.aes import aes_128

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "aes_128.txt"
        bristol.dump(aes_128, path)
        results = mpcnet.local.run(main, n_parties=2, args=(str(path),), check=True)
    for result in results:
        print(*(f"{result.name}: {line}" for line in result.stdout), sep="\n")
    assert results[1].value == CIPHERTEXT
