"""What a fit remembers: steps of growth, ways to a smaller patch, rivals on the same takes, the null control."""

from __future__ import annotations

from dataclasses import dataclass, field

TAKEN = ("core", "add", "remove", "kin", "replace", "coarsen")  # actions after which the patch is another one


@dataclass(frozen=True)
class Step:
    """One thing growth tried, kept or refused.

    - `action`: "core", "add", "remove", "refuse" or "decline", with `kind` of the layer; "kin" where notes never
      recorded take otherwise after their kin than its table tells; "replace" or "keep" for a surface of it that a
      named law stands for, or does not; "coarsen" for a field made smaller; or what screening did before: "leave
      out", "mend" or "doubt", with the take's name as `kind`.
    - `gain_db`: fall of the held-out distance, with its interval `low_db`..`high_db` (corrected for `tried`
      candidates). `distance_db`: the held-out distance after the step (of a refused one: had it been taken).
    - `size_bytes`: of the whole patch after the step, as written. `takes`: held-out takes compared.
    - `reason`: one sentence. `proposed`: why it was tried now. `law`, `form`: of a replacement.
    - `remains`: after a step that was taken, the shares of the residual by where it sits; see `whereabouts`.
    """

    action: str
    kind: str
    reason: str
    gain_db: float = 0.0
    low_db: float = 0.0
    high_db: float = 0.0
    distance_db: float = 0.0
    size_bytes: int = 0
    takes: int = 0
    tried: int = 1
    proposed: str = ""
    law: str = ""
    form: str = ""
    remains: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cut:
    """One way to a smaller patch, measured at the end of the fit; each is made after all those before it.

    - `action`: "leave out" the layer `kind`; "thin": keep every second knot of `law` along `axis`; "round": write
      `law` in steps of `step`.
    - `size_bytes` of the layers that are left, as written, and the held-out `distance_db` of that patch.
    """

    action: str
    kind: str
    law: str = ""
    axis: str = ""
    step: float = 0.0
    size_bytes: int = 0
    distance_db: float = 0.0


@dataclass(frozen=True)
class Baseline:
    """Another way to hold the instrument: `size_bytes` it takes, and its distance from the same held-out takes.

    `name`: "sampler, FLAC", "sampler, Opus", "harmonic interpolation" or "resynthesis" (of the held-out take itself).
    `takes`: how many were compared. `notes`: how many recorded notes it holds.
    """

    name: str
    size_bytes: int
    distance_db: float
    takes: int
    notes: int

    def __str__(self) -> str:
        """Return what was measured, on one line."""
        return f"{self.name}: {self.size_bytes / 1000:,.1f} KB, {self.notes} notes, {self.distance_db:.2f} dB"


@dataclass(frozen=True)
class Audit:
    """The null control: layers offered for residuals in which nothing repeats.

    - `nulls`: instruments made so. `tried`: candidates measured on them, `accepted`: taken although nothing was there.
    - `declined`: candidates that found nothing to propose. `kinds`: how often each kind was accepted.
    """

    nulls: int
    tried: int
    accepted: int
    declined: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Share of false accepts among all that were offered, 0..1."""
        return self.accepted / max(self.tried + self.declined, 1)

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of that rate (Clopper and Pearson 1934)."""
        from scipy.special import betaincinv

        missed = self.tried + self.declined - self.accepted
        low = betaincinv(self.accepted, missed + 1, 0.025) if self.accepted else 0.0
        high = betaincinv(self.accepted + 1, missed, 0.975) if missed else 1.0
        return float(low), float(high)

    def __str__(self) -> str:
        """Return the false-accept rate in a sentence."""
        low, high = self.interval
        offered = self.tried + self.declined
        which = f" ({', '.join(f'{kind} {count} x' for kind, count in self.kinds.items())})" if self.kinds else ""
        return (
            f"Null control: {self.accepted} of {offered} layers offered for residuals in which nothing repeats were "
            f"accepted{which}: {self.rate:.1%} ({low:.1%}..{high:.1%}); {self.declined} of them declined by themselves."
        )
