"""Everything that touches Bybit V5. Its names (orderLinkId, retCode) stop here."""
