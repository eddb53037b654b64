#!/usr/bin/env python3
"""Writes encrypted.pdf: one empty page behind the password "secret" (pypdf, RC4-128).

Usage: make_encrypted_pdf.py encrypted.pdf
"""
import sys

from pypdf import PdfWriter

writer = PdfWriter()
writer.add_blank_page(width=100, height=100)
writer.encrypt("secret", algorithm="RC4-128")
writer.write(sys.argv[1])
