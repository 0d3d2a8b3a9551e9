from tests.inspection import inspection

__all__ = ["inspection"]
