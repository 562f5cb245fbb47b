from support.venue import shared_venue, venue

__all__ = ["shared_venue", "venue"]
