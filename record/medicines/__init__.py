"""The public medicines reference data: imported, searched, matched. It helps to read; it never decides."""
